local nn = require "nn"
setmetatable({}, {__gc = function() end})
