# random_search never makes the loss worse and gets near the least; coordinate_search does exactly the steps that follow from
# its rule: on (w - (0.5, 2, 0))² from (1, 2, -1) by 0.125, coordinate after coordinate, until no step helps.
. "$(dirname "$0")/tools/case.bash"
tool tensors
model=$ROOT/tests/run/models/search.lua
never_worse() { values step loss log | awk 'NR > 1 && $1 > last { print "step " NR ": " $1 " after " last; exit 1 } { last = $1 }'; }
for kernels in fused generic; do
    check "random $kernels" eval "build p $model --kernels $kernels && status 0 ./p --quiet --log log --save s && never_worse"
    check "random $kernels: near the least" is "$(values end loss log)" 0 0.01
    check "random $kernels: the same bits again and over a resume" eval 'status 0 ./p --quiet --steps 150 --save h && status 0 ./p --quiet --resume h --steps 300 --save r && cmp s r'
    cp s random.$kernels
    check "coordinate $kernels" eval "build p $model --set rule=coordinate --kernels $kernels && status 0 ./p --quiet --log log --save s"
    # Step 1 moves w1 by -1/8, step 2 finds w2 at its best, step 3 moves w3 by 1/8, and so on.
    awk 'BEGIN { w[0] = 1; w[1] = 2; w[2] = -1; t[0] = 0.5; t[1] = 2; t[2] = 0
        for (n = 0; n < 300; n++) { l = 0; for (k = 0; k < 3; k++) l += (w[k] - t[k]) ^ 2; printf "%.17g\n", l
            k = n % 3; best = (w[k] - t[k]) ^ 2; at = w[k]
            for (d = 1; d >= -1; d -= 2) { x = w[k] + d * 0.125; if ((x - t[k]) ^ 2 < best) { best = (x - t[k]) ^ 2; at = x } } w[k] = at } }' > expected
    values step loss log > actual
    check "coordinate $kernels: every step" near expected actual 1e-12
    check "coordinate $kernels: the end" test "$(./tensors get s w | tr '\n' ' ')" = "0.5 2 0 "
done
check "fused and generic draw the same" ./tensors compare random.fused random.generic 8 nngen.sums
