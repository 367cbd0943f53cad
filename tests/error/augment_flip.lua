local nn = require "nn"
nn.data.npz {train = "a.npz", augment = {x = {flip = "vertical"}}}
