#!/bin/sh
# What must hold of a build for 64-bit ARM, run under qemu: no fused arithmetic in it, every C++ test passes, and every
# flight that x86 has flown (tests/flights.py) gives the same bits, on a CPU with the dot product and on one without.
# Usage: check_aarch64.sh BUILD, which holds libplasma_edge.a, plasma_tests, robot and flights.
set -eu
build=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
  echo "check_aarch64.sh: $*" >&2
  exit 1
}

check_instructions() {
  aarch64-linux-gnu-objdump -d --no-show-raw-insn "$build/libplasma_edge.a" >"$work/listing"
  for real in fmul sadalp sdot; do # the listing is of real arithmetic
    grep -qw "$real" "$work/listing" || fail "found no $real"
  done
  if grep -wE 'fn?m(add|sub)|fml[as]l?2?|fcmla|frecp[esx]|frsqrt[es]' "$work/listing"; then
    fail "fused multiply-add or an estimate, see above"
  fi
  # A weak symbol would be one CPU's code, which the linker may hand to the whole program.
  if aarch64-linux-gnu-nm -A "$build/libplasma_edge.a" | grep -E 'neon(dot)?\.cpp\.o:.* [wWvV] '; then
    fail "a weak symbol in an ISA file, see above"
  fi
}

check_tests() { # CPU, the tables it must run
  if ! qemu-aarch64 -cpu "$1" "$build/tests/cpp/plasma_tests" >"$work/tests"; then
    cat "$work/tests"
    fail "the C++ tests fail on $1"
  fi
  grep -q "tables: $2\$" "$work/tests" || fail "$1 should run the tables $2"
  grep 'test cases:' "$work/tests"
}

check_flights() { # CPU
  flown=0
  for flight in "$build"/flights/*/; do
    adapter=${flight}adapter.plasma
    [ -e "$adapter" ] || adapter=""
    qemu-aarch64 -cpu "$1" "$build/robot/robot" "${flight}base.plasma" "$build/flights/key.raw" ${adapter:+"$adapter"} \
      <"${flight}observations.txt" >"$work/actions" || fail "$1 does not fly $flight"
    cmp "$work/actions" "${flight}actions.txt" || fail "$1 flies $flight otherwise than x86"
    flown=$((flown + 1))
  done
  [ "$flown" -ge 3 ] || fail "found $flown flights, expected 3 or more"
  echo "$flown flights as on x86, bit for bit"
}

check_instructions
echo "No fused multiply-add, no estimates, no weak symbols"
for machine in "cortex-a72:scalar neon" "max:scalar neon neondot"; do
  echo "== $machine"
  check_tests "${machine%%:*}" "${machine#*:}"
  check_flights "${machine%%:*}"
done
