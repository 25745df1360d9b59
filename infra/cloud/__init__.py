"""The boundary: who stands between the learners and the edges. Our own edges, or a cloud in front of them."""
