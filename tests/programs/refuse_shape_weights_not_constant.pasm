; The weights of a linear are constant.
; error E_PROG_SHAPE
input x f32[2]
input w f32[2,2]
output y f32[2]
linear y, x, w
