exports.add = (a, b) => a + b;
exports.subtract = (a, b) => {
  if (b > a) {
    return 0;
  }
  return a - b;
};
