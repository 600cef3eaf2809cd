"""Audio encoders; each file defines `Settings(AudioEncoderConfig)`."""
