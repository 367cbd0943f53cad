-- Every overflow of the stack that is caught walks the whole stack: few instructions, much time.
local function f()
  pcall(f)
  f()
end
f()
