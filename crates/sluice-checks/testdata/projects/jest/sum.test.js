const { add, subtract } = require('./sum');

test('adds', () => {
  expect(add(1, 2)).toBe(3);
});
test('subtracts', () => {
  expect(subtract(2, 1)).toBe(2);
});
