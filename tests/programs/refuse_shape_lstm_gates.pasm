; The gates of an lstm are four times its state.
; error E_PROG_SHAPE
input g f32[9]
input c f32[3]
output y f32[3]
lstm_cell y, g, g, c
