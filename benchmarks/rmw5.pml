/* rmw5: N processes, each adds one to a shared integer five times, by a read and a
 * write with nothing between them but the other processes. The program that
 * forkfuzz.bench.rmw runs, with one transition for each access; rmw.py runs it.
 *
 *   spin -DN=2 -a rmw5.pml && cc -O2 -DSAFETY -o pan pan.c && ./pan
 *
 * With -DLOWEST the verifier looks for the lowest sum there is, 2, and stops there.
 */
#ifndef N
#define N 2
#endif

byte counter = 0;
byte ended = 0;

active [N] proctype task() {
	byte seen = 0, made = 0;
	do
	:: atomic { made < 5 -> seen = counter }
		d_step { counter = seen + 1; seen = 0; made++ }
	:: atomic {
		made == 5 -> ended++;
#ifdef LOWEST
		assert(ended < N || counter > 2);
#endif
		break
	   }
	od
}
