# The clock is 12.5 seconds behind, and its time servers answer.
plant() { echo 12.500000000 >/run/chrony.offset; }
after() {
  grep -q '12.500000000 seconds slow' <<<"$output_look"
  [ "$(cat /run/chrony.offset)" = 0.000001 ]
}
