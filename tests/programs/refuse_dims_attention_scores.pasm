; 2^14 queries by 2^14 + 1 keys: more than 2^28 scores.
; error E_PROG_DIMS
input  q f32[16384,1]
input  k f32[16385,1]
output y f32[16384,1]
attention y, q, k, k, 1, 1, 0, 0, 0
