# Dropout keeps a share of 1 - p and scales it, anew in every step; evaluation passes everything. 20 steps of 40 rows.
. "$(dirname "$0")/tools/case.bash"
model=$ROOT/tests/run/models/dropout.lua
about() { awk -v x="$1" -v goal="$2" -v by="$3" 'BEGIN { exit !(x > goal - by && x < goal + by) }' || { echo "$1 is not within $3 of $2"; return 1; }; }
mean() { values step loss log | awk '{ sum += $NF } END { print sum / NR }'; }
same() { [ "$(values step loss "$1" | awk '{ print $NF }')" = "$(values step loss "$2" | awk '{ print $NF }')" ]; }
field() { sed -n "s/.*\"event\":\"epoch\".*\"$1\":\([^,}]*\).*/\1/p" log | tail -n 1; }

for kernels in fused generic; do
    must "$kernels: trains" eval "build p $model --kernels $kernels && status 0 ./p --log log --quiet"
    check "$kernels:   the mean stays" about "$(mean)" 1 0.005                       # 400,000 draws, each with deviation 0.58
    check "$kernels:   the square's mean is 1 / (1 - p)" about "$(field train_square)" 1.3333 0.02
    check "$kernels:   evaluation drops nothing" about "$(field test_loss)" 1 0.000001
    check "$kernels:   steps draw anew" eval '[ "$(values step loss log | awk "{ print \$NF }" | sort -u | wc -l)" -ge 15 ]'
    cp log "log.$kernels"
    check "$kernels:   another seed, other numbers" eval 'status 0 ./p --log other --quiet --seed 2 && ! same log other'
    check "$kernels:   the same seed, the same" eval 'status 0 ./p --log other --quiet && same log other'
    must "$kernels: whole channels" eval "build p $model --kernels $kernels --set kind=dropout2d --set p=0.5 && status 0 ./p --log log --quiet"
    # a channel's mean times 1 - p is 0 or 1/2 · 2 · … : its square's mean is the share kept, exactly so only if a channel is dropped whole
    check "$kernels:   the channel's square is the share kept" about "$(field train_half)" 0.5 0.08                  # 800 draws
done
