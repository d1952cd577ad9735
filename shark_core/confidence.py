"""The confidence level of every interval that SHARK tells: 95 %, by the normal distribution."""

Z_95 = 1.959963984540054  # its 0.975 quantile
