; With pads as wide as its kernel, a pool would see nothing in the corner.
; error E_PROG_SHAPE
input  x f32[2,2,1]
output y f32[4,2,1]
max_pool2d y, x, 1, 1, 1, 1, 1, 0, 1, 0
