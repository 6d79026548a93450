//! The real router without a socket.
