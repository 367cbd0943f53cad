local nn = require "nn"
local word = nn.class("word", 5)
local e = nn.embedding(5, 3, {padding_idx = 5})(word)
return nn.show {e = e}
