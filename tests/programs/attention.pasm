; Two heads of one column. Where a query is 0 all keys weigh alike; where it is large, the nearest takes all.
input  q f32[2,2]
input  k f32[2,2]
input  v f32[2,2]
output y f32[2,2]
attention y, q, k, v, 2, 0.5, 0, 0, 0
; tick q 0 0 0 0 k 1 2 3 4 v 10 20 30 40 -> y 20 30 20 30
; tick q 0 1000 -1000 0 k 1 2 3 4 v 10 20 30 40 -> y 20 40 10 30
; near 1e-5
; tick q 1 1 2 -1 k 0 1 2 3 v 1 0 0 1 -> y 0.2689414 0.7310586 0.1192029 0.2689414
