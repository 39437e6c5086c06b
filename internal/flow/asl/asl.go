// Package asl is the Amazon States Language: it reads definitions and interprets them.
//
// It does no input or output, reads no clock and draws no randomness that it was not given. [Parse] turns a text into a
// [Definition] or into all its [Mistakes]. [Step] takes an [Execution] and one [Event] (a task has answered, a timer has
// fired) and gives back what shall be done next ([Command]) and what happened ([HistoryEvent], as AWS records it). Whoever
// carries the commands out (in memory: [Run]; durably: another package) decides about time and storage.
//
// Invariants:
//   - The same execution and the same events give the same commands and history, whether or not the execution was
//     written out and read back in between.
//   - An execution's size does not grow with the items of a distributed Map: it keeps counters, an item cursor and the
//     numbers of the items that run now; items come in and results go out as commands.
//   - No definition makes a step long: after stepTransitions it asks to be called again ([Effects.More]).
//
// The reference is the language as AWS runs it, recorded answers included; where AWS has a wording, it is used.
// The query languages are in the packages jsonpath, intrinsic and jsonata below this one.
package asl
