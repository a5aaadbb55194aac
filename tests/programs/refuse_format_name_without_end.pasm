; A name of 32 characters has no zero left.
; error E_PROG_FORMAT
input x f32[2] name "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
output y f32[2]
tanh y, x
