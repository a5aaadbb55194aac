; As many elements, but another shape.
; error E_PROG_SHAPE
input  x f32[2,3,1]
output y f32[3,2,1]
relu y, x
