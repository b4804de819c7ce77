# The clock is 12.5 seconds behind, and no time server answers.
plant() {
  echo 12.500000000 >/run/chrony.offset
  touch /run/chrony.unreachable
}
after() { [ "$(cat /run/chrony.offset)" = 12.500000000 ]; }
