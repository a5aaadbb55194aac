; One linear made queries, keys and values: they are columns 0, 1 and 2 … 3 of its rows. Scores are 0: values are averaged.
input  x f32[2,4]
output y f32[2,1]
output z f32[2,1]
attention y, x, x, x, 1, 0, 0, 1, 2
attention z, x, x, x, 1, 1000, 0, 1, 3
; tick x 1 2 3 4 -1 6 7 8 -> y 5 5 z 8 4
