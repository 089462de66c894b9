// Test thread. The scanner behind the layout rules: a rule that looks at the wrong text proves
// nothing.
import { describe, expect, test } from 'vitest';
import { codeText } from './code-text.ts';

describe('codeText', () => {
  test.each([
    ['a // b', 'a     '],
    ['a /* b\nc */ d', 'a     \n     d'],
    ['f(\'//\', "x")', 'f(\'  \', " ")'],
    ["'it\\'s' + a", "'     ' + a"],
    ['`a ${b + `c ${d}`} e` + f', '`  ${b + `  ${d}`}  ` + f'],
    ['`${{ a: {} }}` + b', '`${{ a: {} }}` + b'],
    ['x = /[/"]\\/`/u + y', 'x = /       /u + y'],
    ['a / b / c', 'a / b / c'],
    ['return /x/.test(y)', 'return / /.test(y)'],
  ])('%s', (text, code) => {
    expect(codeText(text)).toBe(code);
  });
});
