# It ends when the pipe from us does, and until then adopts and buries orphans, as an init does.
exec 3<&0
cat <&3 3<&- > /dev/null &
exec 3<&-
echo ready
wait
