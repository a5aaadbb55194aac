; 2^28 + 1 elements.
; error E_PROG_DIMS
input x f32[268435457]
output y f32[2]
tanh y, x
