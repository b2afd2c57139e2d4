test('adds', () => {
  expect(1 + 2).toBe(3);
});
test('subtracts', () => {
  expect(2 - 1).toBe(2);
});
