; All gates 0: i = f = o = 1/2 and g = 0, so c halves. f = 1 and i = 0 keep c; f = 0 and i = 1 take g.
input  gi f32[8]
input  gh f32[8]
input  c  f32[2]
output cn f32[2]
output h  f32[2]
arena  n  f32[2]
lstm_cell n, gi, gh, c
copy cn, n
lstm_hidden h, gi, gh, n
; tick gi 0 0 0 0 0 0 0 0 gh 0 0 0 0 0 0 0 0 c 2 -4 -> cn 1 -2
; tick gi -90 -90 90 90 0 0 90 90 gh -10 -10 10 10 0 0 10 10 c 20 -20 -> cn 20 -20 h 1 -1
; tick gi 90 90 -90 -90 50 -50 -90 -90 gh 10 10 -10 -10 0 0 10 10 c 0.5 0.5 -> cn 1 -1
; near 1e-6
; tick gi 0.1 0.2 0.3 -0.4 0.5 0.6 0.7 -0.8 gh 0.5 0.4 0.3 0.2 0.1 -0.1 -0.2 0.3 c 1 -1 -> cn 0.99240575 -0.15179715 h 0.47206461 -0.05687343
; faults 0
; tick gi 0 0 0 0 0 0 0 0 gh 0 0 0 0 0 0 0 0 c 0 0 -> cn 0 0 h 0 0
