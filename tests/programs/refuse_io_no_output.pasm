; A program has an output.
; error E_PROG_IO
input x f32[2]
state s f32[2]
arena h f32[2]
add h, s, x
copy s, h
