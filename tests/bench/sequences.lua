-- The networks that tests/bench/sequences.py times: a guess at each place of a text at the next letter, by a recurrent layer or a
-- block of causal attention. Data are the files that it writes.
local nn = require "nn"

local network, time, letters = nn.option("network", "lstm"), nn.option("time", 64), nn.option("letters", 64)
local width, hidden = nn.option("width", 64), nn.option("hidden", 128)
local letter, next_letter = nn.class("letter", letters, {time}), nn.class("next_letter", letters, {time})

local h = nn.embedding(letters, width, {name = "words"})(letter)
if network == "attention" then
  h = h + nn.attention(width, 4, {name = "attention", causal = true})(nn.layer_norm(width, {name = "norm1"})(h))
  local block = {nn.layer_norm(width, {name = "norm2"}), nn.linear(width, 4 * width, {name = "up"}), nn.gelu, nn.linear(4 * width, width, {name = "down"})}
  h = h + nn.sequential(block)(h)
else
  h = nn[network](width, hidden, {name = network})(h)
end

return nn.train {
  loss = nn.cross_entropy(nn.linear(h.shape[2], letters, {name = "head"})(h), next_letter), optimizer = nn.adam {lr = 1e-3},
  data = nn.data.npy {train = {letter = "letter.npy", next_letter = "next_letter.npy"}}, batch = nn.option("batch", 16), epochs = 1,
}
