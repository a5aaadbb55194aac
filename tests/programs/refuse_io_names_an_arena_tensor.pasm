; An input names an input tensor.
; error E_PROG_IO
input  x f32[2]
output y f32[2]
arena h f32[2]
relu h, x
tanh y, h
raw IO 56 = 02 00
