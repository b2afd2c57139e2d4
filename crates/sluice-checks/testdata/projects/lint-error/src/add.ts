export function add(a: number, b: any): number {
  var sum = a + b;
  return sum;
}
