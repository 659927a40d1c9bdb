/**
 * Marks which parts of a program have ever run: each branch of the source gets a mark of its own, as a fuzzer wants it.
 *
 * V8's coverage cannot say which of many inputs has reached something; a mark can, and costs one load for what was reached before. The
 * program then has `globalThis.marks`: `marks.seen` of them in all, and `marks.last()` those that were set since `marks.forget()`.
 */
import ts from 'typescript'

const runtime = {
  /** One array for each file, in which a mark is 1 when it was reached. */
  files: [],
  seen: 0,
  add(count) {
    const reached = new Uint8Array(count)
    const hit = (mark) => {
      reached[mark] = 1
      runtime.seen++
    }
    runtime.files.push(reached)
    return [reached, hit]
  },
  /** As if nothing had run; `seen` stays as it is. */
  forget() {
    for (const file of runtime.files) file.fill(0)
  },
  /** The numbers of all marks that are set. */
  last() {
    const set = []
    let base = 0
    for (const file of runtime.files) {
      for (let at = file.indexOf(1); at >= 0; at = file.indexOf(1, at + 1)) set.push(base + at)
      base += file.length
    }
    return set
  },
}

/** To be called before any marked file is loaded. */
export function startMarks() {
  globalThis.marks = runtime
}

/** A transformer for `Transpiled`: puts the marks into a file. */
export function marking() {
  return [
    (context) => (file) => {
      const { factory } = context
      let count = 0
      const mark = () => {
        const number = factory.createNumericLiteral(count++)
        const reached = factory.createElementAccessExpression(factory.createIdentifier('$reached'), number)
        const hit = factory.createCallExpression(factory.createIdentifier('$hit'), undefined, [number])
        return factory.createLogicalOr(reached, hit)
      }
      const marked = (statements) => [factory.createExpressionStatement(mark()), ...statements]
      const markedExpression = (expression) =>
        factory.createParenthesizedExpression(factory.createComma(mark(), expression))
      const markedStatement = (statement) =>
        statement === undefined || ts.isBlock(statement) ? statement : factory.createBlock(marked([statement]))

      const visit = (given) => {
        const node = ts.visitEachChild(given, visit, context)
        if (ts.isBlock(node)) return factory.updateBlock(node, marked(node.statements))
        if (ts.isCaseClause(node)) return factory.updateCaseClause(node, node.expression, marked(node.statements))
        if (ts.isDefaultClause(node)) return factory.updateDefaultClause(node, marked(node.statements))
        if (ts.isIfStatement(node)) {
          const { expression, thenStatement, elseStatement } = node
          return factory.updateIfStatement(
            node,
            expression,
            markedStatement(thenStatement),
            // An else that is left out is a branch as well.
            elseStatement === undefined ? factory.createBlock(marked([])) : markedStatement(elseStatement),
          )
        }
        if (ts.isForStatement(node)) {
          const { initializer, condition, incrementor, statement } = node
          return factory.updateForStatement(node, initializer, condition, incrementor, markedStatement(statement))
        }
        if (ts.isForOfStatement(node)) {
          const { awaitModifier, initializer, expression, statement } = node
          return factory.updateForOfStatement(node, awaitModifier, initializer, expression, markedStatement(statement))
        }
        if (ts.isWhileStatement(node)) {
          return factory.updateWhileStatement(node, node.expression, markedStatement(node.statement))
        }
        if (ts.isConditionalExpression(node)) {
          const { condition, questionToken, whenTrue, colonToken, whenFalse } = node
          return factory.updateConditionalExpression(
            node,
            condition,
            questionToken,
            markedExpression(whenTrue),
            colonToken,
            markedExpression(whenFalse),
          )
        }
        if (ts.isBinaryExpression(node) && isBranch(node.operatorToken.kind)) {
          return factory.updateBinaryExpression(node, node.left, node.operatorToken, markedExpression(node.right))
        }
        if (ts.isArrowFunction(node) && !ts.isBlock(node.body)) {
          const { modifiers, typeParameters, parameters, type, equalsGreaterThanToken, body } = node
          return factory.updateArrowFunction(
            node,
            modifiers,
            typeParameters,
            parameters,
            type,
            equalsGreaterThanToken,
            markedExpression(body),
          )
        }
        return node
      }

      const statements = ts.visitNodes(file.statements, visit)
      const names = ['$reached', '$hit'].map((name) => factory.createBindingElement(undefined, undefined, name))
      const added = factory.createCallExpression(
        factory.createPropertyAccessExpression(
          factory.createPropertyAccessExpression(factory.createIdentifier('globalThis'), 'marks'),
          'add',
        ),
        undefined,
        [factory.createNumericLiteral(count)],
      )
      const pattern = factory.createArrayBindingPattern(names)
      const declaration = factory.createVariableDeclaration(pattern, undefined, undefined, added)
      const head = factory.createVariableStatement(
        undefined,
        factory.createVariableDeclarationList([declaration], ts.NodeFlags.Const),
      )
      return factory.updateSourceFile(file, [head, ...statements])
    },
  ]
}

function isBranch(kind) {
  return [
    ts.SyntaxKind.AmpersandAmpersandToken,
    ts.SyntaxKind.BarBarToken,
    ts.SyntaxKind.QuestionQuestionToken,
  ].includes(kind)
}
