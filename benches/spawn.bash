# Process storm of `cargo xtask bench sensor`: forks and execs $1 times, then prints the time as storm.rs does.
start=${EPOCHREALTIME/[.,]/}
for ((i = 0; i < $1; i++)); do
  /bin/true
done
end=${EPOCHREALTIME/[.,]/}
echo "elapsed_ns $(((end - start) * 1000))"
