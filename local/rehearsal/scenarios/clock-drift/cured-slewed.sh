# The clock is 0.4 seconds behind: chrony slews it, without a jump.
plant() { echo 0.400000000 >/run/chrony.offset; }
after() {
  [ "$(cat /run/chrony.offset)" = 0.000001 ]
  grep -q 'the clock did not jump' <<<"$output_set_clock"
}
