local nn = require "nn"
os.execute("true")
