//! Conduct: the only place where pure meets doors.
