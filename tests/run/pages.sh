# The page of nngen explain: whole, self-contained, with the links that it promises; and in a real browser, that the script does
# what it is there for and says nothing on the console.
. "$(dirname "$0")/tools/case.bash"
cat > 'odd "name" & <b>.lua' <<'END'
-- </script><script>document.title = "broken out"</script> <!-- & "quoted" 'too'
local nn = require "nn"
local x, y = nn.input("x", {2}), nn.class("y", 3)
local h = nn.relu(nn.linear(2, 5, {name = "fc<1>&"})(x))
local logits = nn.linear(5, 3, {name = "fc2"})(h)
return nn.train {loss = nn.cross_entropy(logits, y), optimizer = nn.adam {lr = 0.1}, batch = 2, steps = 3, seed = 1,
                 outputs = {logits = logits}, data = nn.data.table {train = {x = {{1, 2}, {3, 4}}, y = {0, 2}}}}
END
model='odd "name" & <b>.lua'
must "explain --html" status 0 "$NNGEN" explain "$model" --html page.html
"$NNGEN" "$model" > program.c
check "nothing but the page is written" test "$(ls -A | grep -c html)" = 1
check "the same call gives the same page" eval '"$NNGEN" explain "$model" --html again.html && cmp page.html again.html'
check "nothing comes from a network" eval '! grep -Eiq "(src|href)=\"?(https?:)?//|@import|url\(" page.html'
check "one script, which is ours" test "$(grep -c "<script>" page.html)" = 1
check "every line of the program is there" test "$(grep -c 'id="P[0-9]' page.html)" = "$(wc -l < program.c)"
check "every line of the model is there" test "$(grep -c 'id="L[0-9]' page.html)" = "$(wc -l < "$model")"
for role in forward loss backward update; do
    check "line 4 has its counterparts: $role" eval "grep -Eq 'class=\"l ($role|loss|update)[^\"]*\" id=\"P[0-9]+\" data-m=\"([0-9]+ )*4[ \"]' page.html"
done
check "a statement has its own line: the gradient its layer's, the update the optimizer's" eval 'grep -Eq "class=\"l backward c\"[^>]* data-m=\"5\".* d_fc2_weight\[j,i\] = sum_b" page.html && grep -Eq "class=\"l update c\"[^>]* data-m=\"6\".*\(adam" page.html'
check "a derivative as MathML" grep -q '<mfrac><mrow><mi>∂</mi><mi>loss</mi></mrow><mrow><mi>∂</mi><mi>fc2.weight</mi>' page.html
check "a verdict with its reason" grep -q "fused or not" page.html
for line in $(grep -o 'href="#P[0-9]*"' page.html | tr -dc '0-9\n' | sort -u); do
    sed -n "${line}p" program.c | grep -q "^NN_KERNEL" || { not_ok "functions are where links lead" "line $line: $(sed -n "${line}p" program.c)"; break; }
done
check "the text names the same line" eval '"$NNGEN" explain "$model" fc2 > told && n=$(sed -n "s/.*; line \([0-9]*\) of the program/\1/p" told | head -n 1) && sed -n "${n}p" program.c | grep -q "^NN_KERNEL void $(grep "of the program" told | head -n 1 | cut -d" " -f3)("'
check "CUDA: each function has its lines" eval 'status 0 "$NNGEN" explain "$model" --target cuda --html cuda.html && grep -Eq "class=\"l update[^\"]*\" id=\"P[0-9]*\" data-m=\"[0-9 ]*6\".*NN_GPU_KERNEL" cuda.html && grep -Eq "class=\"l forward\"[^>]*>.*NN_LAUNCH" cuda.html'
check "a name beside --html is 2" refused 2 "leave" "$NNGEN" explain "$model" fc2 --html other.html
check "a page over the model is 2" refused 2 "itself" "$NNGEN" explain "$model" --html "$model"
check "a page into nowhere is 3" status 3 "$NNGEN" explain "$model" --html no/such/page.html
check "a full disk is 3" status 3 "$NNGEN" explain "$model" --html /dev/full
mkdir bare && for tool in sh cat env; do ln -s "$(command -v $tool)" bare/; done
check "without Graphviz the page says what is missing" eval 'PATH=$WORK/bare status 0 "$NNGEN" explain "$model" --html bare.html && grep -q "Debian: graphviz" bare.html'
if command -v dot > /dev/null; then
    check "the graph is a picture" grep -q '<svg class="graph"' page.html
else
    skip "the graph is a picture" "Graphviz is not installed"
fi

# ---- in a browser ----

browser=$(command -v chromium || command -v chromium-browser)
[ -n "$browser" ] || { skip "in a browser" "chromium is not installed"; exit 0; }
# dom PAGE[#LINE]: the page as it is after its script has run; what it says on the console goes to the file `console`.
dom() { HOME=$WORK timeout 60 "$browser" --headless --no-sandbox --disable-gpu --enable-logging=stderr --window-size="${SIZE:-1400,900}" --dump-dom "file://$WORK/$1" 2> stderr; grep -F CONSOLE stderr > console; }
cat > probe.js <<'END'
const out = [], say = (what, is) => out.push((is ? 'yes ' : 'NO ') + what), $ = id => document.getElementById(id);
const lit = pane => [...document.querySelectorAll('#' + pane + ' .lit')];
const roles = () => new Set(lit('program').flatMap(line => [...line.classList]));
const key = (line, name) => line.dispatchEvent(new KeyboardEvent('keydown', {key: name, bubbles: true, cancelable: true}));
$('L5').dispatchEvent(new MouseEvent('mouseover', {bubbles: true}));
say('pointing lights forward, backward and update', ['forward', 'backward', 'update'].every(role => roles().has(role) || role === 'backward' && roles().has('loss')));
say('and only lines that come from it', lit('program').every(line => line.dataset.m.split(' ').includes('5')));
$('model').dispatchEvent(new MouseEvent('mouseleave'));
say('leaving lets go', lit('program').length === 0);
key($('L5'), 'Enter');
say('Enter holds the line', $('L5').classList.contains('held') && lit('program').length > 0);
say('its section is marked', $('D5').classList.contains('lit'));
const first = $('program').querySelector('[tabindex="0"]');
say('Tab leads to a function that comes from it', first.dataset.m.split(' ').includes('5') && !first.classList.contains('memory'));
say('which is in sight', first.offsetTop >= $('program').scrollTop && first.offsetTop < $('program').scrollTop + $('program').clientHeight);
key($('L5'), 'Enter');
say('Enter again leads to the next', $('program').querySelector('[tabindex="0"]') !== first);
key($('L5'), 'ArrowUp');
say('arrows move among lines with counterparts', document.activeElement.id === 'L4');
say('a line of the program lights the model', (key($('program').querySelector('.update[data-m]'), 'Enter'), lit('model').length > 0));
say('the title is ours', document.title.endsWith('<b>.lua'));
say('nothing is wider than the window', document.documentElement.scrollWidth <= innerWidth);
document.body.append(Object.assign(document.createElement('pre'), {id: 'probe', textContent: out.join('\n')}));
END
{ sed '/<\/body>/,$d' page.html; echo "<script>"; cat probe.js; echo "</script></body></html>"; } > probe.html
for SIZE in 1400,900 500,900; do
    dom probe.html > dom.html
    sed -n '/<pre id="probe">/,/<\/pre>/p' dom.html | sed 's/<[^>]*>//g' > said_by_page
    check "$SIZE: the script ran" test "$(grep -c "^yes\|^NO" said_by_page)" = 12
    while read -r word what; do check "$SIZE: $what" test "$word" = yes; done < said_by_page
    check "$SIZE: no word on the console" test ! -s console
done
dom "page.html#L5" > dom.html
check "an address with a line holds it" grep -Eq 'class="l lit held" id="L5"' dom.html
