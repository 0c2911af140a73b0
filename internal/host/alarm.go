package host

import "mpsim/sim"

// AlarmID names a pending alarm of a host; 0 names none.
type AlarmID uint32

// alarm is one timer of an application.
type alarm struct {
	timer sim.Timer
	app   App
	arg   uint32
	next  AlarmID // in the free list
}

type alarms struct {
	slots []alarm // slot 0 is unused, because argument 0 is the endpoint's timer
	free  AlarmID
}

// SetAlarm calls a.OnAlarm(at, arg) when the time has come.
func (h *Host) SetAlarm(a App, at sim.Time, arg uint32) AlarmID {
	l := &h.alarms
	if len(l.slots) == 0 {
		l.slots = append(l.slots, alarm{})
	}
	id := l.free
	if id == 0 {
		id = AlarmID(len(l.slots))
		l.slots = append(l.slots, alarm{})
		l.slots[id].timer.Init(h.node.Origin(), h.handler, uint32(id))
	} else {
		l.free = l.slots[id].next
	}
	s := &l.slots[id]
	s.app, s.arg = a, arg
	s.timer.Set(h.s, at)
	return id
}

// StopAlarm cancels a pending alarm.
func (h *Host) StopAlarm(id AlarmID) {
	if id == 0 || h.alarms.slots[id].app == nil {
		return
	}
	h.alarms.slots[id].timer.Set(h.s, sim.Never)
	h.release(id)
}

func (h *Host) release(id AlarmID) {
	s := &h.alarms.slots[id]
	s.app = nil
	s.next = h.alarms.free
	h.alarms.free = id
}

func (h *Host) expireAlarm(now sim.Time, id AlarmID) {
	s := &h.alarms.slots[id]
	if !s.timer.Expired(h.s) {
		return
	}
	app, arg := s.app, s.arg
	h.release(id)
	app.OnAlarm(now, arg)
	h.Pump(now)
}
