; Inputs come in the order of the tensor table.
; error E_PROG_IO
input a f32[2]
input b f32[2]
output y f32[2]
add y, a, b
raw IO 0 = 62
raw IO 56 = 01
raw IO 96 = 61
raw IO 152 = 00
