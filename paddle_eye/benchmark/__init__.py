"""Speed and memory as ratios with bars: what the project takes beside other ways of doing the same, in one run."""
