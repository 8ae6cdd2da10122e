package sim

// Instant is true time in nanoseconds since the world began; hosts never see it.
type Instant int64

// never is later than every event.
const never = Instant(1<<63 - 1)

type eventKind uint8

const (
	eventStep    eventKind = iota // an agent's turn; arg: its token
	eventCarry                    // an interrupted agent goes on; arg: its life
	eventFrame                    // arg: index of the flight
	eventLetter                   // arg: index of the letter
	eventSilence                  // a host's silence watch; arg: the boot
	eventStamp                    // an agent's sign of life; arg: its life
	eventBeat                     // a leader's next beat is due; arg: its token
	eventSaved                    // a record is on disk; arg: the agent's life
	eventCall                     // arg: index of the function
)

// event is a value, so that the queue allocates nothing per event.
type event struct {
	at   Instant
	seq  uint64 // equal times happen in the order of scheduling
	arg  uint32
	host uint16
	kind eventKind
}

func (e *event) before(o *event) bool {
	return e.at < o.at || e.at == o.at && e.seq < o.seq
}

// queue is a 4-ary heap: shallower than a binary one, and its children share a cache line
// or two.
type queue struct {
	heap []event
	seq  uint64
}

func (q *queue) len() int { return len(q.heap) }

func (q *queue) push(e event) {
	q.seq++
	e.seq = q.seq
	q.heap = append(q.heap, e)
	i := len(q.heap) - 1
	for i > 0 {
		parent := (i - 1) / 4
		if !e.before(&q.heap[parent]) {
			break
		}
		q.heap[i] = q.heap[parent]
		i = parent
	}
	q.heap[i] = e
}

func (q *queue) pop() event {
	top := q.heap[0]
	last := q.heap[len(q.heap)-1]
	q.heap = q.heap[:len(q.heap)-1]
	n, i := len(q.heap), 0
	if n == 0 {
		return top
	}
	for {
		child := 4*i + 1
		if child >= n {
			break
		}
		least := child
		for c := child + 1; c < min(child+4, n); c++ {
			if q.heap[c].before(&q.heap[least]) {
				least = c
			}
		}
		if !q.heap[least].before(&last) {
			break
		}
		q.heap[i] = q.heap[least]
		i = least
	}
	q.heap[i] = last
	return top
}

// slab keeps what events point to and reuses the places of what was taken out.
type slab[T any] struct {
	items []T
	free  []uint32
}

func (s *slab[T]) put(v T) uint32 {
	if n := len(s.free); n > 0 {
		i := s.free[n-1]
		s.free = s.free[:n-1]
		s.items[i] = v
		return i
	}
	s.items = append(s.items, v)
	return uint32(len(s.items) - 1)
}

func (s *slab[T]) take(i uint32) T {
	v := s.items[i]
	var zero T
	s.items[i] = zero
	s.free = append(s.free, i)
	return v
}
