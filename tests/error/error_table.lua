local nn = require "nn"
error {}
