-- Iris flowers: the petals' length and width from the sepals', 2 - 100 ReLU - 2 without biases, weights of deviation 1, the squared
-- errors summed, 50 steps of gradient descent at 1e-4. Half of each species is kept for validation.
-- The loss falls from 20,900 to 21.8, that of the other half to 40.1 (150 is what always guessing the mean would give).
local nn = require "nn"

local sepal = nn.input("sepal", {2})             -- length and width, standardised
local petal = nn.input("petal", {2})
local species = nn.class("species", 3)           -- setosa, versicolor, virginica

local normal = nn.init.normal(0, 1)
local net = nn.sequential {
  nn.linear(2, 100, {name = "fc1", bias = false, init = normal}), nn.relu,
  nn.linear(100, 2, {name = "fc2", bias = false, init = normal}),
}
local guess = net(sepal)

-- how far the guesses are off within one species
local error_of_row = nn.square(guess - petal):sum(1)
local function error_of(class)
  local is_class = species:eq(class)
  return (error_of_row * is_class):sum() / is_class:sum()
end

return nn.train {
  loss      = nn.mse(guess, petal, {reduction = "sum"}),
  metrics   = {setosa = error_of(0), versicolor = error_of(1), virginica = error_of(2)},
  outputs   = {guess = guess},
  optimizer = nn.sgd {lr = 1e-4},
  data      = nn.data.csv {
    train = "data/iris.csv", columns = {sepal = {1, 2}, petal = {3, 4}, species = "species"},
    split = {train = 0.5, validation = 0.5}, stratify = "species",
    standardize = {sepal = "feature", petal = "feature"},
  },
  batch = "all", steps = 50, seed = 1,
}
