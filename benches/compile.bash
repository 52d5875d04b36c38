# Compiling of `cargo xtask bench sensor`: gcc makes $2 of $1, $3 times.
start=${EPOCHREALTIME/[.,]/}
for ((i = 0; i < $3; i++)); do
  gcc -O1 -c "$1" -o "$2"
done
end=${EPOCHREALTIME/[.,]/}
echo "elapsed_ns $(((end - start) * 1000))"
