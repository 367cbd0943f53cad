-- grid(rows, columns): uniform numbers in [-1, 1), the same ones for every test.
local rng = require "nn".rng(3)
return function(rows, columns)
  local list = {}
  for r = 1, rows do
    list[r] = {}
    for c = 1, columns do list[r][c] = rng:uniform() * 2 - 1 end
  end
  return list
end
