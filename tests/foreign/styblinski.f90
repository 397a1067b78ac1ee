! SPDX-License-Identifier: Apache-2.0
! Styblinski and Tang 1990, as Fortran writes functions: every argument by reference.
double precision function styblinski(n, x)
    implicit none
    integer, intent(in) :: n
    double precision, intent(in) :: x(n)
    styblinski = 0.5d0 * sum(x**4 - 16d0 * x**2 + 5d0 * x)
end function styblinski
