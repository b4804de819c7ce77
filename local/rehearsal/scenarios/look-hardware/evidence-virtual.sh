# A virtual machine, which sees neither memory errors nor temperatures.
plant() { :; }
after() {
  grep -q 'this host counts no memory errors' <<<"$output_look"
  grep -q 'this host shows no temperatures' <<<"$output_look"
}
