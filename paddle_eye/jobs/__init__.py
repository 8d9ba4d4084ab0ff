"""What a network can be trained to do; `paddle_eye.experiment` trains it, whichever it is."""
