# nngen check: what it compares, how it counts kinks, when it fails.
. "$(dirname "$0")/tools/case.bash"
model() { { echo 'local nn = require "nn"'; cat; } > "$1.lua"; }
last() { tail -n 1 said; }
worst() { last | sed -n 's/^worst relative deviation //p'; }
passes() { status 0 "$NNGEN" check "$@" && is "$(worst)" 0 1e-6; }

model smooth <<'END'
local w = nn.parameter("w", {30, 10}, nn.init.normal(0, 1))
return nn.train {loss = (w * w:sin()):sum(), optimizer = nn.sgd {lr = 0.1}, steps = 1}
END
check "a line a parameter, 200 elements of each" eval 'passes smooth.lua && grep -q "w .*(30, 10) .* 200 of 300 " said'
check "the worst element is named" grep -Eq "worst at \[[0-9]+, [0-9]+\]" said
check "--all takes every one" eval 'passes smooth.lua --all && grep -q "300 of 300" said'
check "the same call says the same" eval 'cp said first && passes smooth.lua --all && cmp said first'

# d sin(3000 w) / dw by differences is off by (3000 e)² / 6 = 1.5e-6 of itself, e = 1e-6: right and yet above the limit.
model steep <<'END'
local w = nn.parameter("w", {}, 0.0001)
return nn.train {loss = nn.sin(3000 * w), optimizer = nn.sgd {lr = 0.1}, steps = 1}
END
check "a deviation above 1e-6 is status 1" eval 'status 1 "$NNGEN" check steep.lua && is "$(worst)" 1.5e-6 1e-7'

model kink <<'END'
local w = nn.parameter("w", {4}, {-1, 0, 5e-7, 2})
return nn.train {loss = (w:abs() + nn.relu(w) + nn.maximum(w, 0) + w:clamp(0, 9)):sum() + w:max(), optimizer = nn.sgd {lr = 0.1}, steps = 1}
END
check "elements at a kink are counted apart" eval 'passes kink.lua && grep -q "2 at a kink" said'
model tie <<'END'
local w = nn.parameter("w", {2}, {1, 1})
return nn.train {loss = w:max(), optimizer = nn.sgd {lr = 0.1}, steps = 1}
END
check "a maximum that moves is a kink" eval 'status 0 "$NNGEN" check tie.lua && grep -q "2 at a kink" said && grep -q "nothing could be compared" said'

model held <<'END'
local w = nn.parameter("w", {3}, {1, 2, 3})
return nn.train {loss = (nn.detach(w) * w + nn.detach(w ^ 3)):sum(), optimizer = nn.sgd {lr = 0.1}, steps = 1}
END
check "nn.detach holds its operand still" passes held.lua
model search <<'END'
local w = nn.parameter("w", {3}, {1, 2, 3})
return nn.train {loss = w:square():sum(), optimizer = nn.random_search {scale = 0.01}, steps = 1}
END
check "an optimizer that asks for no gradient" passes search.lua
model frozen <<'END'
local a, b = nn.parameter("a", {2}, 1, {freeze = true}), nn.parameter("b", {2}, 1)
return nn.train {loss = (a * b):square():sum(), optimizer = nn.sgd {lr = 0.1}, steps = 1}
END
check "a frozen parameter is not asked for" eval 'passes frozen.lua && ! grep -q "^  a" said'

model rows <<'END'
local x, y = nn.input("x", {1}), nn.class("y", 3)
local rows = {x = {}, y = {}}
for i = 1, 20 do rows.x[i] = {i / 10}; rows.y[i] = i % 3 end
return nn.train {loss = nn.cross_entropy(nn.linear(1, 3, {name = "fc"})(x), y), optimizer = nn.adam {},
                 data = nn.data.table {train = rows}, batch = 4, epochs = 1}
END
check "eight rows of the data" eval 'passes rows.lua && grep -q ", 8 rows" said'
model few <<'END'
local x = nn.input("x", {1})
return nn.train {loss = (nn.linear(1, 1, {name = "fc"})(x) - 1):square():mean(), optimizer = nn.adam {},
                 data = nn.data.table {train = {x = {{1}, {2}, {4}}}}, batch = 8, epochs = 1}
END
check "all rows where there are fewer" eval 'passes few.lua && grep -q ", 3 rows" said'

model show <<'END'
local x = nn.parameter("x", {2}, {0.3, 0.7})
local u = x:exp()
local y = (u * u:sin()):sum()
local by_u, by_x = nn.gradient(y, u), nn.gradient(y, x)
return nn.show {y = y, by_u = by_u, second = nn.gradient(by_x:sum(), x)}
END
check "nn.show: every nn.gradient, by a value in the middle, and of a gradient" eval 'passes show.lua && [ "$(grep -c "differences" said)" = 4 ]'
model plain <<'END'
return nn.show {two = nn.constant(2)}
END
check "a model without gradients" eval 'status 0 "$NNGEN" check plain.lua && grep -q "no nn.gradient" said'
check "--precision is not for check" refused 2 "takes no --precision" "$NNGEN" check show.lua --precision f32
