import assert from 'node:assert';
import test from 'node:test';

test('holds', () => {});
test('fails', () => {
  assert.equal(1, 2);
});
test.todo('later');
